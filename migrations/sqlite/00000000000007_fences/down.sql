-- SQLite knows no roles and no rights: there is nothing to fence off here.
select 1;
