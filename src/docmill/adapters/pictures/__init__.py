"""Pictures of pages: drawn in children that may be killed, kept on disk."""
