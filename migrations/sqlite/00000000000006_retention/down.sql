drop table sealed_groups;
