"""Who is in what, now, in Redis: a projection of the changes that can be thrown away and made again."""
