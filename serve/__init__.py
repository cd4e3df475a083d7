"""The service: a FastAPI application with the jobs API and the page, and the Ray Serve application for clusters."""
