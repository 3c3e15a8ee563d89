// What the thread sanitizer takes for a race and is none; linked into its build alone.
//
// libuv closes descriptors by a system call that the sanitizer does not see. When the folder that
// open_fds() reads gets the number of such a descriptor, its closedir() seems to close what another
// thread has open.
extern "C" const char* __tsan_default_suppressions() { return "race:open_fds\n"; }
