"""Records for administrators: their actions, the notice, and figures of use."""
