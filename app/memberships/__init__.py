"""Current memberships in Redis: a projection of the changes that can be deleted and rebuilt."""
