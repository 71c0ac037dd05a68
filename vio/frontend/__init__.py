"""Images to feature tracks."""
