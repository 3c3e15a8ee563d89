// Walking a tree of values beside a table of known keys, collecting every fault on the way.
//
// Why      Each key stands in one row: its name, type, range, the reason for the range, and the
//          member it fills. The reader and the tests of schema and documents use the same rows
//          (spec.cpp).
// Errors   Collected in Walk, never thrown; a faulty value leaves the option at its default and the
//          walk goes on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address_text.h"
#include "config/reader.h"
#include "config/tree.h"

namespace ringside::config {

// A value and the path of keys that leads to it.
struct Cursor {
  const TreeNode* node = nullptr;
  std::string path;

  Cursor child(const TreeNode& value) const;  // of a mapping
  Cursor item(std::size_t index) const;       // of a list
  Cursor find(std::string_view key) const;  // of a mapping; node is nullptr when the key is absent
  explicit operator bool() const { return node != nullptr; }
};

// What one key may hold.
struct Rule {
  std::string_view
      type;  // integer, number, boolean, word, list, mapping, or a definition of schema.json
  std::uint64_t least =
      0;  // of a number, in its base unit (ms, B); of a list or mapping, how many entries
  std::uint64_t most = 0;   // 0: no range
  std::string_view reason;  // why the range is as it is, or what the value does
  bool required = false;
  std::string_view example;  // what to write
};

// One row of the table that describes what the configuration accepts.
struct KeyInfo {
  std::string path;  // with [] for the items of a list and * for names that the user chooses
  std::string type;
  std::string range;    // "1..4096", "1ms..1h"; empty when there is none
  std::string initial;  // the default as one would write it; empty when there is none
  std::string reason;
  std::vector<std::string> words;  // of type word
  bool required = false;
  bool supported = true;  // false: the key belongs to a later version and is refused
};

class Walk {
 public:
  explicit Walk(std::string file) : file_(std::move(file)) {}

  void fault(Place place, std::string key, Complaint complaint);
  void fault(const Cursor& at, Complaint complaint);      // at the value
  void key_fault(const Cursor& at, Complaint complaint);  // at its key

  // True for the right kind of value with no more entries than its bound; else that is a fault.
  // Duplicate keys of a mapping are faults here, too.
  bool is_scalar(const Cursor& at, const Rule& rule);
  bool is_list(const Cursor& at, const Rule& rule);
  bool is_mapping(const Cursor& at, const Rule& rule);

  void unknown_key(const Cursor& at, std::span<const std::string_view> known,
                   std::span<const std::string_view> later);

  // The faults in the order of the file.
  std::vector<Fault> take();

 private:
  void wrong_kind(const Cursor& at, const Rule& rule);
  bool has_room(const Cursor& at, const Rule& rule);
  void find_duplicates(const Cursor& at);

  std::string file_;
  std::vector<Fault> faults_;
};

// A number in its range, or a fault that says the range and its reason.
bool in_range(Walk& walk, const Cursor& at, const Rule& rule, std::uint64_t value);
bool in_range(Walk& walk, const Cursor& at, const Rule& rule, double value);
std::string range_text(const Rule& rule);

// Reads one of `words`: its index, or -1.
int read_word(Walk& walk, const Cursor& at, const Rule& rule,
              std::span<const std::string_view> words);

// A row of the table: a key of the mapping that fills a T.
template <class T>
struct Field {
  std::string_view name;
  Rule rule;
  void (*read)(Walk&, const Cursor&, const Rule&, T&) = nullptr;  // nullptr: a later version's key
  std::string (*shown)(const T&) = nullptr;  // the member as one would write it
  std::vector<std::string> (*words)() = nullptr;
  // The rows of a mapping below this one.
  void (*describe)(const std::string& path, const T& initial, std::vector<KeyInfo>& into) = nullptr;
};

template <class T>
void read_fields(Walk& walk, const Cursor& at, std::span<const Field<T>> fields, T& into) {
  std::vector<std::string_view> known;
  std::vector<std::string_view> later;
  for (const Field<T>& field : fields)
    (field.read != nullptr ? known : later).push_back(field.name);
  for (const TreeNode& value : at.node->children) {
    if (at.node->find(value.key) != &value) continue;  // a duplicate, reported by is_mapping
    const Cursor child = at.child(value);
    const Field<T>* field = nullptr;
    for (const Field<T>& each : fields) {
      if (each.name == value.key) field = &each;
    }
    if (field == nullptr) {
      walk.unknown_key(child, known, later);
    } else if (field->read == nullptr) {
      walk.key_fault(child, {"is not supported yet", std::string(field->rule.reason)});
    } else {
      field->read(walk, child, field->rule, into);
    }
  }
  for (const Field<T>& field : fields) {
    if (field.rule.required && at.node->find(field.name) == nullptr) {
      const std::string path =
          at.path.empty() ? std::string(field.name) : at.path + "." + std::string(field.name);
      walk.fault(at.node->place, path, {"is missing", "add " + std::string(field.rule.example)});
    }
  }
}

template <class T>
void describe_fields(std::span<const Field<T>> fields, const std::string& path, const T& initial,
                     std::vector<KeyInfo>& into) {
  for (const Field<T>& field : fields) {
    KeyInfo info;
    info.path = path.empty() ? std::string(field.name) : path + "." + std::string(field.name);
    info.type = field.rule.type;
    info.range = range_text(field.rule);
    info.initial = field.shown != nullptr ? field.shown(initial) : "";
    info.reason = field.rule.reason;
    if (field.words != nullptr) info.words = field.words();
    info.required = field.rule.required;
    info.supported = field.read != nullptr;
    into.push_back(info);
    if (field.describe != nullptr) field.describe(info.path, initial, into);
  }
}

}  // namespace ringside::config
