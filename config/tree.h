// A YAML document as a tree that remembers where each value stood. The only user of yaml-cpp.
//
// Why      yaml-cpp's own nodes drop duplicate keys and the places of keys; faults need both.
// Bounds   One document of at most 1 MiB, 100,000 keys and values, and a depth of 32; an alias
//          counts as often as it is used.
// Errors   The first thing that is not YAML. yaml-cpp's exceptions end here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address_text.h"
#include "base/result.h"

namespace ringside::config {

inline constexpr std::size_t kTextBytesMax = 1024 * 1024;

struct Place {
  int line = 1;    // from 1
  int column = 1;  // from 1, in characters
};

struct TreeNode {
  enum class Kind : std::uint8_t { empty, scalar, list, mapping };

  Kind kind = Kind::empty;
  Place place;
  std::string text;  // of a scalar
  std::string key;   // of a value in a mapping
  Place key_place;
  std::vector<TreeNode> children;  // of a list or a mapping, in order; duplicate keys are all here

  // The first value of that key; nullptr when there is none.
  const TreeNode* find(std::string_view wanted) const;
};

struct NotYaml {
  Place place;
  Complaint complaint;
};

// An empty text is an empty mapping.
Result<TreeNode, NotYaml> parse_yaml(std::string_view text);

}  // namespace ringside::config
