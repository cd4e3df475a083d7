"""Jobs on the cluster: started, followed to their end, limited."""
