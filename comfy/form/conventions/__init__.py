"""Authors' declarations about forms, in the notations of ComfyForms and other programs."""
