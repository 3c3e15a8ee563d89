// Builds the tree from yaml-cpp's events.
#include "config/tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

namespace ringside::config {
namespace {

constexpr std::size_t kDepthMax = 32;        // the configuration has 6 levels
constexpr std::size_t kValuesMax = 100'000;  // a pool of 1,024 endpoints has about 4,000

// Marks count from 0; an exception without a place has -1.
Place place_of(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

// Thrown within an event and caught in parse_yaml: yaml-cpp offers no other way to stop.
struct Refused {
  Place place;
  Complaint complaint;
};

class Builder final : public YAML::EventHandler {
 public:
  TreeNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      refuse(mark, "a second document begins", "put one document into the file");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    open(TreeNode::Kind::empty, mark, anchor);
    close();
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchored_.find(anchor);
    if (known == anchored_.end())
      refuse(mark, "an alias stands inside its own anchor", "write the value out");
    if (open_.size() + known->second.depth > kDepthMax) refuse_depth(mark);
    count(mark, known->second.values);
    attach(known->second.node, known->second.depth, known->second.values);
  }

  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    open(TreeNode::Kind::scalar, mark, anchor);
    open_.back().node.text = value;
    close();
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(TreeNode::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(TreeNode::Kind::mapping, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    TreeNode node;
    YAML::anchor_t anchor;  // 0: none
    std::size_t depth = 1;
    std::size_t values = 1;
    bool has_key = false;  // of a mapping: the key of the next value is read
    std::string key;
    Place key_place;
  };
  struct Anchored {
    TreeNode node;
    std::size_t depth;
    std::size_t values;
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, std::string problem, std::string remedy) {
    throw Refused{place_of(mark), {std::move(problem), std::move(remedy)}};
  }
  [[noreturn]] static void refuse_depth(const YAML::Mark& mark) {
    refuse(mark, "values are nested too deeply",
           "stay within " + std::to_string(kDepthMax) + " levels");
  }

  void count(const YAML::Mark& mark, std::size_t values) {
    values_ += values;
    if (values_ > kValuesMax) {
      refuse(mark, "there are more than " + std::to_string(kValuesMax) + " keys and values",
             "split the configuration");
    }
  }

  void open(TreeNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= kDepthMax) refuse_depth(mark);
    count(mark, 1);
    Open next;
    next.node.kind = kind;
    next.node.place = place_of(mark);
    next.anchor = anchor;
    open_.push_back(std::move(next));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) anchored_[done.anchor] = {done.node, done.depth, done.values};
    attach(std::move(done.node), done.depth, done.values);
  }

  void attach(TreeNode node, std::size_t depth, std::size_t values) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    parent.depth = std::max(parent.depth, depth + 1);
    parent.values += values;
    if (parent.node.kind == TreeNode::Kind::mapping && !parent.has_key)
      return take_key(parent, node);
    if (parent.has_key) {
      node.key = std::exchange(parent.key, {});
      node.key_place = parent.key_place;
      parent.has_key = false;
    }
    parent.node.children.push_back(std::move(node));
  }

  static void take_key(Open& parent, const TreeNode& node) {
    if (node.kind != TreeNode::Kind::scalar) {
      throw Refused{node.place, {"a key is not plain text", "write KEY: VALUE"}};
    }
    parent.key = node.text;
    parent.key_place = node.place;
    parent.has_key = true;
  }

  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchored_;
  std::size_t values_ = 0;
  int documents_ = 0;
  TreeNode root_;
};

// yaml-cpp's words are for people who know its scanner; the frequent mistakes get a hint.
std::string remedy_for(const std::string& problem) {
  const auto says = [&](std::string_view word) { return problem.find(word) != std::string::npos; };
  if (says("flow")) return "check the brackets, braces and commas before here";
  if (says("map not found") || says("sequence not found"))
    return "check the indentation here and above";
  if (says("map value") || says("map key"))
    return "check the colons, and put quotes round text that has \": \" in it";
  if (says("EOF")) return "close the quotes";
  if (says("anchor") || says("alias")) return "define an anchor (&name) before its alias (*name)";
  return "check the indentation, colons and quotes near here";
}

bool is_indented_by_tab(std::string_view text, const Place& place) {
  for (int line = 1; line < place.line; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  const std::size_t first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '\t';
}

std::unexpected<NotYaml> not_yaml(std::string_view text, Place place, const std::string& problem) {
  std::string remedy =
      is_indented_by_tab(text, place) ? "indent with spaces, not tabs" : remedy_for(problem);
  return std::unexpected(
      NotYaml{place, {"this is not YAML (" + printable(problem) + ")", std::move(remedy)}});
}

}  // namespace

const TreeNode* TreeNode::find(std::string_view wanted) const {
  const auto found = std::ranges::find(children, wanted, &TreeNode::key);
  return found == children.end() ? nullptr : &*found;
}

Result<TreeNode, NotYaml> parse_yaml(std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return std::unexpected(
        NotYaml{{}, {"the text is longer than 1 MiB", "split the configuration"}});
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    TreeNode root = builder.take();
    if (root.kind == TreeNode::Kind::empty) root.kind = TreeNode::Kind::mapping;
    return root;
  } catch (Refused& refused) {
    return std::unexpected(NotYaml{refused.place, std::move(refused.complaint)});
  } catch (const YAML::Exception& fault) {
    return not_yaml(text, place_of(fault.mark), fault.msg);
  } catch (const std::exception& fault) {
    return not_yaml(text, {}, fault.what());
  }
}

}  // namespace ringside::config
