//! Test application, backend matrix, tidy tests; never shipped
