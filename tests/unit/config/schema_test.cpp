// schema.json says what the program's table says: each key, its type, range, default and words.
//
// Method   Both are turned into lines of the same form and compared as sets, so that a key (or a
//          word, or a bound) that only one of them has fails by name.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "config/names.h"
#include "config/spec.h"
#include "config/values.h"

using namespace ringside;
using nlohmann::json;

namespace {

json schema() {
  std::ifstream stream(RINGSIDE_SOURCE_DIR "/config/schema.json");
  return json::parse(stream);
}

std::string line(const std::string& path, const std::string& type, const std::string& range,
                 const std::string& initial, const std::string& words, bool required) {
  return path + " type=" + type + " range=" + range + " default=" + initial + " words=" + words +
         (required ? " required" : "");
}

std::set<std::string> lines_of_program() {
  std::set<std::string> lines;
  for (const config::KeyInfo& key : config::known_keys()) {
    if (!key.supported) continue;
    std::string words;
    for (const std::string& word : key.words) words += word + ",";
    lines.insert(line(key.path, key.type, key.range, key.initial, words, key.required));
  }
  return lines;
}

// Goes through the schema as the program goes through a document.
class Flattened {
 public:
  explicit Flattened(json root) : root_(std::move(root)) { properties("", root_); }

  const std::set<std::string>& lines() const { return lines_; }

 private:
  json resolved(const json& node, std::string& name) const {
    if (!node.contains("$ref")) return node;
    const std::string reference = node.at("$ref");
    name = reference.substr(reference.rfind('/') + 1);
    return root_.at(json::json_pointer(reference.substr(1)));
  }

  static std::string bounds(const json& node, const char* least, const char* most) {
    if (!node.contains(most)) return "";
    return (node.contains(least) ? node.at(least).dump() : "0") + ".." + node.at(most).dump();
  }

  // Values with units have their range in the description, "... (1ms..1h)."
  static std::string range_in_words(const json& node) {
    std::smatch found;
    const std::string description = node.at("description");
    const bool has_range = std::regex_search(
        description, found, std::regex(R"(\(([0-9A-Za-z%]+\.\.[0-9A-Za-z%]+)\)\.$)"));
    return has_range ? found[1].str() : "";
  }

  void properties(const std::string& path, const json& object) {
    INFO(path);
    CHECK(object.at("additionalProperties") == false);
    for (const auto& [key, value] : object.at("properties").items()) {
      const auto required = object.value("required", json::array());
      const bool is_required = std::find(required.begin(), required.end(), key) != required.end();
      add(path.empty() ? key : path + "." + key, value, is_required);
    }
  }

  void add(const std::string& path, const json& node, bool required) {
    INFO(path);
    std::string type;
    const json target = resolved(node, type);
    CHECK(node.value("description", target.value("description", "")).size() > 3);
    std::string range;
    std::string words;
    if (type.empty() && node.contains("enum")) {
      type = "word";
      for (const json& word : node.at("enum")) words += word.get<std::string>() + ",";
    } else if (type.empty()) {
      type = node.at("type");
      range = bounds(node, "minimum", "maximum");
      if (type == "array") range = bounds(node, "minItems", "maxItems");
      if (type == "object") range = bounds(node, "minProperties", "maxProperties");
      if (type == "array") type = "list";
      if (type == "object") type = "mapping";
    } else {
      range = range_in_words(node.contains("description") ? node : target);
    }
    lines_.insert(line(path, type, range, initial(node), words, required));
    below(path, node, target);
  }

  static std::string initial(const json& node) {
    if (!node.contains("default")) return "";
    return node.at("default").is_string() ? node.at("default").get<std::string>()
                                          : node.at("default").dump();
  }

  void below(const std::string& path, const json& node, const json& target) {
    if (node.contains("properties")) properties(path, node);
    if (node.contains("additionalProperties") && node.at("additionalProperties").is_object()) {
      properties(path + ".*", node.at("additionalProperties"));
    }
    if (node.contains("items")) {
      const json& items = node.at("items");
      if (items.contains("properties")) {
        properties(path + "[]", items);
      } else {
        add(path + "[]", items, false);
      }
    }
    for (const json& either : target.value("oneOf", json::array())) {
      if (either.contains("properties")) properties(path, either);
    }
  }

  json root_;
  std::set<std::string> lines_;
};

std::string missing(const std::set<std::string>& wanted, const std::set<std::string>& there) {
  std::string text;
  for (const std::string& each : wanted) {
    if (!there.contains(each)) text += each + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE(
    "schema: has every key of the program, with its type, range, default and words, and no other") {
  const auto program = lines_of_program();
  const Flattened file(schema());
  CHECK(program.size() > 40);
  CHECK(missing(program, file.lines()) == "");
  CHECK(missing(file.lines(), program) == "");
}

TEST_CASE("schema: a listener has a pool or routes, a pool has endpoints") {
  const json root = schema();
  const json either = json::parse(R"([{"required": ["pool"]}, {"required": ["routes"]}])");
  CHECK(root.at("/properties/listeners/items/oneOf"_json_pointer) == either);
  CHECK(root.at("/properties/pools/additionalProperties/required"_json_pointer) ==
        json::array({"endpoints"}));
}

TEST_CASE("schema: its patterns take what the program takes, and refuse what it refuses") {
  using Accepts = bool (*)(std::string_view);
  struct Sample {
    const char* definition;
    Accepts accepts;
    std::vector<const char*> texts;
  };
  const std::vector<Sample> samples{
      {"duration",
       [](std::string_view text) { return config::parse_duration(text).has_value(); },
       {"10s", "0s", "250ms", "3h", "1m", "10", "10 s", "1d", "", "s", "-1s", "1.5s"}},
      {"size",
       [](std::string_view text) { return config::parse_size(text).has_value(); },
       {"1B", "64KiB", "16MiB", "1GiB", "0", "64", "64KB", "64k", "1 MiB", ""}},
      {"listen_address",
       [](std::string_view text) { return listen_address(text).has_value(); },
       {"127.0.0.1:80", "0.0.0.0:0", "[::1]:80", "localhost:1", "Localhost:1", ":80", "127.0.0.1",
        "example.com:80", "::1:80", "", "80"}},
      {"upstream_address",
       [](std::string_view text) { return upstream_address(text).has_value(); },
       {"10.0.0.1:80", "pod:80", "a-b_c.d:1", "[fd00::1]:80", ":80", "pod", "http://pod:80",
        "po d:80", "fd00::1:80", ""}},
      {"address_range",
       [](std::string_view text) { return Cidr::parse(text).has_value(); },
       {"10.0.0.0/8", "10.1.2.3", "fd00::/8", "::1", "10.0.0.0/", "x", "", "10.0.0.0/8/8",
        "10.0.0.0/ 8"}},
      {"name",
       [](std::string_view text) { return config::parse_name(text).has_value(); },
       {"mcp", "a.b-c_D9", "", "a b", "a:b", "a/b", "\xc3\xa9",
        "aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbabcd"}},
      {"endpoint_name",
       [](std::string_view text) { return config::parse_endpoint_name(text).has_value(); },
       {"burger-0", "10.0.0.1:80", "[::1]:80", "", "a b", "a/b"}},
      {"host",
       [](std::string_view text) { return config::parse_host(text).has_value(); },
       {"a.example", "A.EXAMPLE", "10.0.0.1", "[::1]", "a.example:80", "*.example", "", "http://a",
        "a b"}},
      {"path",
       [](std::string_view text) { return config::parse_path(text).has_value(); },
       {"/", "/a", "/a/b", "/a.b-c_d~e", "a", "", "/a/", "//", "/a?b", "/a#b", "/a b", "/*"}},
      {"percent",
       [](std::string_view text) { return config::parse_percent(text).has_value(); },
       {"20%", "0%", "0.5%", "20", "%", "-1%", "20 %", "", ".5%"}},
      {"origin",
       [](std::string_view text) { return config::parse_origin(text).has_value(); },
       {"https://a.example", "HTTP://A:80", "http://[::1]:80", "http://localhost", "a.example",
        "https://a.example/", "https://a.example:", "https://", "https://*", "null", "",
        "1http://a", "http://a b"}},
      {"cookie_name",
       [](std::string_view text) { return config::parse_cookie_name(text).has_value(); },
       {"ringside", "__Host-a", "a b", "a=b", "a;b", "", "a,b"}},
      {"cookie_path",
       [](std::string_view text) { return config::parse_cookie_path(text).has_value(); },
       {"/", "/a", "/a/b", "a", "", "/a/", "/a;b", "/a b"}},
      {"query_key",
       [](std::string_view text) { return config::parse_query_key(text).has_value(); },
       {"room", "a[]", "a:b", "a%20b", "a+b", "a=b", "a&b", "a b", "", "a#b"}},
      {"file_path",
       [](std::string_view text) { return config::parse_file_path(text).has_value(); },
       {"/a", "a", "a/b", "/a/", "/", ""}},
      {"variable_name",
       [](std::string_view text) { return config::parse_variable_name(text).has_value(); },
       {"RINGSIDE_KEY", "_a1", "1a", "A-B", "", "A=B"}},
      {"header_name",
       [](std::string_view text) { return config::parse_header_name(text).has_value(); },
       {"mcp-session-id", "X_Session", "a b", "a:", "", "a/b", "\xc3\xa9"}},
  };
  const json root = schema();
  for (const Sample& sample : samples) {
    const std::regex pattern(
        root.at("$defs").at(sample.definition).at("pattern").get<std::string>());
    for (const char* text : sample.texts) {
      INFO(sample.definition << ": " << text);
      CHECK(std::regex_search(text, pattern) == sample.accepts(text));
    }
  }
}
