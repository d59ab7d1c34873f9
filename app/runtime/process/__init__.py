"""Services of an operating-system process: health server, logs, watchdog, garbage collector."""
