"""Static lists from outside: files of ids, list records written to the clickstream, and who is on a list."""
