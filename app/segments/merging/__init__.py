"""Two profiles of one user become one."""
