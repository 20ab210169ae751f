DROP TABLE approved_processes;
