// Reads the configuration: YAML to typed options, with every fault of the file in one run.
//
// Why      A proxy that starts with half of what its file says is worse than one that refuses to
//          start. So nothing is ignored, clipped or guessed: an unknown key, a value out of range
//          or a key of a later version is a fault.
// Bounds   At most 1 MiB of text, 100,000 keys and values, and 100 faults; more is a fault itself.
// Errors   All faults, in the order of the file. No exception leaves, whatever the bytes.
// Threads  No state; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"
#include "base/result.h"

namespace ringside::config {

struct Fault {
  std::string file;
  int line = 1;     // from 1
  int column = 1;   // from 1
  std::string key;  // dotted, such as pools.burger-mcp.ring.points or listeners[0].bind
  std::string problem;
  std::string remedy;
};

// FILE:LINE:COL: key: what is wrong; what would be right
std::string text(const Fault& fault);

Result<app::Options, std::vector<Fault>> read_file(const std::string& path);
// `name` stands for the file in faults.
Result<app::Options, std::vector<Fault>> read_text(std::string_view text, const std::string& name);

}  // namespace ringside::config
