// With OpenMP, and with macros that real headers define.
#include <foreign_headers.hpp>
#include <sstream>
#include <string>
#include <xtensor/xtensor.hpp>

// windows.h and what it includes
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define near
#define far
#define small char
#define hyper long long
#define interface struct
#define pascal
#define cdecl
#define IN
#define OUT
#define OPTIONAL
#define CONST const
#define VOID void
#define TRUE 1
#define FALSE 0
#define ERROR 0
#define STRICT 1
#define DELETE 0x00010000L
#define IGNORE 0
#define INFINITE 0xffffffff
#define GetObject GetObjectW
#define CreateFile CreateFileW
#define rad1 rad1_was_used
// X.h, Xlib.h
#define None 0L
#define Success 0
#define Status int
#define Bool int
#define True 1
#define False 0
#define Always 2
#define Above 0
#define Below 1
#define Complex 0
#define Convex 2
#define Unsorted 0
#define CurrentTime 0L
// complex.h
#define complex _Complex
#define imaginary _Imaginary
#define I _Complex_I
// sys/param.h, sys/sysmacros.h, glib.h
#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
#define CLAMP(x, low, high) MIN(MAX(x, low), high)
#define howmany(x, y) (((x) + (y) - 1) / (y))
#define roundup(x, y) (howmany(x, y) * (y))
#define powerof2(x) ((((x) - 1) & (x)) == 0)
#define isset(a, i) ((a)[i])
#define major(dev) (dev)
#define minor(dev) (dev)
// AssertMacros.h
#define check(assertion) check_was_used
#define verify(assertion) verify_was_used
#define require(assertion, label) require_was_used
// Qt
#define signals public
#define slots
#define emit
#define foreach foreach_was_used
#define forever for (;;)
// Arduino.h, AVR
#define F(text) (text)
#define PI 3.1415926535897932384626433832795
#define bit(b) (1UL << (b))
#define lowByte(w) ((w) & 0xff)
#define B1 1
#define B10 2
#define _U 01
// termios.h, sys/ttydefaults.h
#define ECHO 0000010
#define CTRL(x) ((x) & 037)
// MATLAB's, R's and others'
#define Calloc(n, t) Calloc_was_used
#define Free(p) Free_was_used
#define Realloc(p, n, t) Realloc_was_used
#define likely(x) (x)
#define unlikely(x) (x)
#define CHECK(x) CHECK_was_used
#define LOG(x) LOG_was_used
#define unix 1
#define linux 1

#include "calls.hpp"

std::string hostile();
std::string hostile() { return call_everything(); }
