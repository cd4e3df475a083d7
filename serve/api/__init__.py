"""The routes of the service: jobs in both dialects, data store, uploads, pages."""
