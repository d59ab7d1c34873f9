"""The kind `audience`: a list at an ad service that is kept in step with a segment."""
