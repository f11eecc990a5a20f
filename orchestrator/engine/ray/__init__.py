"""A Ray cluster that runs already: trainings on its nodes.

settings     the section "ray" of tltpipe.yaml
reservation  nodes of the cluster, kept for one training
member       what runs on each of them: our programs, as processes
world        one training: started on all nodes together, followed, and started again when a node is lost
"""
