# What an undo needs of a job that changes routes. Of this installation one job at a time is in this lane: what others left is old.
kept=$state/routes/$INSTALLATION/$JOB
