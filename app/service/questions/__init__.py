"""Questions about users and segments, and who answers them: Redis, profiles, an evaluation of given events."""
