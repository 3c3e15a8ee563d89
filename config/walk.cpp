// The parts of the walk that do not depend on what is filled.
#include "config/walk.h"

#include <algorithm>
#include <utility>

#include "base/nearest.h"
#include "config/values.h"

namespace ringside::config {
namespace {

// Nobody reads more faults, and a hostile file must not fill the memory.
constexpr std::size_t kFaultsMax = 100;

// Of a mapping that has no bound of its own: its keys are looked up one after the other.
constexpr std::size_t kEntriesMax = 1024;

std::string_view kind_text(TreeNode::Kind kind) {
  switch (kind) {
    case TreeNode::Kind::empty:
      return "is empty";
    case TreeNode::Kind::scalar:
      return "is a single value";
    case TreeNode::Kind::list:
      return "is a list";
    case TreeNode::Kind::mapping:
      return "is a mapping";
  }
  return "is unreadable";
}

// A key as part of a path: control characters shown, long ones cut.
std::string key_text(std::string_view key) {
  const std::string with_quotes = in_quotes(key);
  return with_quotes.substr(1, with_quotes.size() - 2);
}

std::string joined(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

std::string bound_text(const Rule& rule, std::uint64_t bound) {
  if (rule.type == "duration") return duration_text(bound);
  if (rule.type.starts_with("size")) return size_text(bound);
  if (rule.type == "percent") return std::to_string(bound) + "%";
  return std::to_string(bound);
}

void outside(Walk& walk, const Cursor& at, const Rule& rule, const std::string& value) {
  walk.fault(at, {value + " is outside " + range_text(rule),
                  "stay within it: " + std::string(rule.reason)});
}

}  // namespace

Cursor Cursor::child(const TreeNode& value) const {
  const std::string key = key_text(value.key);
  return {&value, path.empty() ? key : path + "." + key};
}

Cursor Cursor::item(std::size_t index) const {
  return {&node->children[index], path + "[" + std::to_string(index) + "]"};
}

Cursor Cursor::find(std::string_view key) const {
  const TreeNode* value = node == nullptr ? nullptr : node->find(key);
  return value == nullptr ? Cursor{} : child(*value);
}

void Walk::fault(Place place, std::string key, Complaint complaint) {
  if (faults_.size() > kFaultsMax) return;
  if (faults_.size() == kFaultsMax)
    complaint = {"there are more than 100 faults", "mend those above first"};
  faults_.push_back({.file = file_,
                     .line = place.line,
                     .column = place.column,
                     .key = key.empty() ? "file" : std::move(key),
                     .problem = std::move(complaint.problem),
                     .remedy = std::move(complaint.remedy)});
}

void Walk::fault(const Cursor& at, Complaint complaint) {
  fault(at.node->place, at.path, std::move(complaint));
}

void Walk::key_fault(const Cursor& at, Complaint complaint) {
  fault(at.node->key_place, at.path, std::move(complaint));
}

void Walk::wrong_kind(const Cursor& at, const Rule& rule) {
  const std::string example(rule.example);
  fault(at, {std::string(kind_text(at.node->kind)), "write " + example});
}

bool Walk::is_scalar(const Cursor& at, const Rule& rule) {
  if (at.node->kind == TreeNode::Kind::scalar) return true;
  wrong_kind(at, rule);
  return false;
}

bool Walk::has_room(const Cursor& at, const Rule& rule) {
  const std::size_t entries = at.node->children.size();
  const std::size_t most = rule.most != 0 ? rule.most : kEntriesMax;
  if (entries < rule.least) fault(at, {"has no entry", "write " + std::string(rule.example)});
  if (entries <= most) return true;
  const std::string reason(rule.most != 0 ? rule.reason : "no mapping here has as many keys");
  fault(at, {"has " + std::to_string(entries) + " entries",
             "stay within " + std::to_string(most) + ": " + reason});
  return false;
}

bool Walk::is_list(const Cursor& at, const Rule& rule) {
  if (at.node->kind == TreeNode::Kind::list) return has_room(at, rule);
  wrong_kind(at, rule);
  return false;
}

bool Walk::is_mapping(const Cursor& at, const Rule& rule) {
  if (at.node->kind != TreeNode::Kind::mapping) {
    wrong_kind(at, rule);
    return false;
  }
  if (!has_room(at, rule)) return false;
  find_duplicates(at);
  return true;
}

void Walk::find_duplicates(const Cursor& at) {
  std::vector<const TreeNode*> by_key;
  by_key.reserve(at.node->children.size());
  for (const TreeNode& value : at.node->children) by_key.push_back(&value);
  // Of equal keys the first in the file comes first: they stand in one array.
  std::ranges::sort(by_key, {}, [](const TreeNode* value) {
    return std::pair(std::string_view(value->key), value);
  });
  const TreeNode* first = nullptr;
  for (const TreeNode* value : by_key) {
    if (first == nullptr || first->key != value->key) {
      first = value;
      continue;
    }
    key_fault(
        at.child(*value),
        {"is here twice, first in line " + std::to_string(first->key_place.line), "keep one"});
  }
}

void Walk::unknown_key(const Cursor& at, std::span<const std::string_view> known,
                       std::span<const std::string_view> later) {
  std::vector<std::string_view> all(known.begin(), known.end());
  all.insert(all.end(), later.begin(), later.end());
  const std::string near(nearest(at.node->key, all));
  key_fault(at, {"unknown key", "did you mean " + near + "? Known here: " + joined(known)});
}

std::vector<Fault> Walk::take() {
  const auto place = [](const Fault& fault) { return std::pair(fault.line, fault.column); };
  std::vector<Fault> sorted;
  for (Fault& fault : faults_) {
    sorted.insert(std::ranges::upper_bound(sorted, place(fault), {}, place), std::move(fault));
  }
  return sorted;
}

std::string range_text(const Rule& rule) {
  if (rule.most == 0) return "";
  return bound_text(rule, rule.least) + ".." + bound_text(rule, rule.most);
}

int read_word(Walk& walk, const Cursor& at, const Rule& rule,
              std::span<const std::string_view> words) {
  if (!walk.is_scalar(at, rule)) return -1;
  std::string all;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (at.node->text == words[i]) return static_cast<int>(i);
    all += (all.empty() ? "" : i + 1 == words.size() ? " or " : ", ") + std::string(words[i]);
  }
  walk.fault(at, {in_quotes(at.node->text) + " is not known here", "write " + all});
  return -1;
}

bool in_range(Walk& walk, const Cursor& at, const Rule& rule, std::uint64_t value) {
  if (value >= rule.least && value <= rule.most) return true;
  outside(walk, at, rule, bound_text(rule, value));
  return false;
}

bool in_range(Walk& walk, const Cursor& at, const Rule& rule, double value) {
  if (value >= static_cast<double>(rule.least) && value <= static_cast<double>(rule.most))
    return true;
  outside(walk, at, rule, real_text(value) + (rule.type == "percent" ? "%" : ""));
  return false;
}

}  // namespace ringside::config
