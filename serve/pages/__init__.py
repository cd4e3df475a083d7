"""The web page of the service: lists, the form for a job, the pages of a job."""
