// `ringside explain`: asks the running proxy where a request would go, and prints its answer.
//
// Why      Only the running process knows its bindings; the configuration file says where to ask.
// Errors   A Print with exit code 2 for the command line, 1 where nobody can be asked.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/command_line.h"
#include "app/options.h"

namespace ringside::app {

// `arguments` are those behind `explain`.
CommandLine parse_explain(std::span<const char* const> arguments);

// Asks the admin address of `options`, which were read from the command's file.
Print explain(const Explain& command, const Options& options);

// The answer of the admin page, a line for each part of it; empty when it is no such answer.
std::string explanation_text(std::string_view json);

}  // namespace ringside::app
