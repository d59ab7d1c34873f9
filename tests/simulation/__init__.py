"""A simulated cluster on which the runtime's own code runs, in simulated time, with faults drawn from a seed."""
