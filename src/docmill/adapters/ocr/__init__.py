"""Recognising the text in pictures of pages, in a child process that may be killed."""
