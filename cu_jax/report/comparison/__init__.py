"""Tables, figures and the page of a comparison of methods over seeds; never jax."""
