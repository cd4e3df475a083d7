"""The jobs API: a FastAPI application, and the Ray Serve application that runs it."""
