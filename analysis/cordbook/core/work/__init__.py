"""Independent work over the cores of a machine or of a cluster, resumed where it broke off."""
