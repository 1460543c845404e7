"""A campaign run before it is approved: on a stage of its own, over pretend carriers, on a fast clock."""
