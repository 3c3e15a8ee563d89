// The command line: what the process was asked to do.
//
// Why      main needs one decision (run, check, or print and leave), made before anything is built.
// Errors   A fault is a Print with exit code 2, whose text names the flag and what would be right.
//          No exception leaves.
// Threads  No state; the parser and its memory are gone when the call returns.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "app/options.h"

namespace ringside::app {

// Serve until told to stop.
struct Run {
  std::string config_path;  // empty: run on `options`, made from --listen, --upstream and the rest
  Options options;
};

// Say every fault of the file; exit 0, or 2.
struct Check {
  std::string config_path;
};

// Ask the running proxy of that file where a request would go: explain_command.h.
struct Explain {
  std::string config_path;
  std::string target;  // of the admin page
  bool json = false;   // print the answer as it comes
};

// Print the text (to standard output when the code is 0, else to standard error) and leave.
struct Print {
  std::string text;  // ends with a newline
  int exit_code = 0;
};

using CommandLine = std::variant<Run, Check, Explain, Print>;

// `arguments` are main's, without the program's name; `version` is what --version prints.
CommandLine parse_command_line(std::span<const char* const> arguments, std::string_view version);

}  // namespace ringside::app
