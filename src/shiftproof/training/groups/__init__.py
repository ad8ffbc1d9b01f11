"""Methods that weigh, show or mix examples by the group that they belong to."""
