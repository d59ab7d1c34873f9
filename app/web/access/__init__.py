"""Access to the console: logins, sessions, roles, and personal data that a role sees masked."""
