"""The kind `http`: requests to a web service, one for each change."""
