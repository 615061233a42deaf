drop table file_commits;
