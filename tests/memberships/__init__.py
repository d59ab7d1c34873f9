"""The view in Redis: on the Redis that comes by pip, fed by each broker."""
