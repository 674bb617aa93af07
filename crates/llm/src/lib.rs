//! Wire formats of model providers: requests, responses, streams, usage and prices, without any I/O
