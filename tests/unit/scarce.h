/* scarce.h - memory that the TLS library does not get when a test says so. */
#ifndef TESTS_SCARCE_H
#define TESTS_SCARCE_H

/* Before anything of the library is called. */
void scarce_prepare(void);

/* Its next allocation fails; those after that do not. */
void scarce_fail_next(void);

#endif
