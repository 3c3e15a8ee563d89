// Flags to a query, a query to an answer, an answer to lines.
#include "app/explain_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "app/http_get.h"
#include "base/address_text.h"
#include "base/nearest.h"

namespace ringside::app {
namespace {

constexpr std::string_view kHelp =
    R"(usage: ringside explain --config FILE [--header 'NAME: VALUE' ...] [--client ADDRESS]
                        [--listener NAME] [--pool NAME] [--method METHOD] [--path PATH] [--json]

Asks the running proxy, at the admin.bind of FILE, where a request would go, and why. Nothing is
sent to a server, and no session is bound or counts as used.

  --config FILE       the configuration of the running proxy
  --header TEXT       a header field, such as 'mcp-session-id: ID'; once for each
  --client ADDRESS    the IP address that the request comes from; 127.0.0.1 when absent
  --listener NAME     where it comes in; the first listener when absent
  --pool NAME         as if the listener's routes said this pool
  --method METHOD     POST when absent
  --path PATH         /mcp when absent
  --json              print the answer as it came
  --help              print this

Exit codes
  0 answered   1 nobody could be asked   2 a fault of the command line or the file
)";

struct Flag {
  std::string_view name;
  std::string_view parameter;  // of the admin page; empty: none
};
constexpr std::array<Flag, 7> kFlags{{{"--config", ""},
                                      {"--header", "header"},
                                      {"--client", "client"},
                                      {"--listener", "listener"},
                                      {"--pool", "pool"},
                                      {"--method", "method"},
                                      {"--path", "path"}}};
constexpr std::array<std::string_view, 9> kNames{"--config",   "--header", "--client",
                                                 "--listener", "--pool",   "--method",
                                                 "--path",     "--json",   "--help"};

Print fault(const std::string& what) {
  return {"ringside: " + what + "\nTry: ringside explain --help\n", 2};
}

Print cannot(const std::string& what) { return {"ringside: " + what + "\n", 1}; }

// All but the unreserved characters of RFC 3986 escaped.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      encoded.push_back(c);
    } else {
      encoded.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
    }
  }
  return encoded;
}

std::string unknown(const std::string& argument) {
  const std::string flag = argument.substr(0, argument.find('='));
  if (!flag.starts_with('-')) {
    return "unexpected argument " + in_quotes(argument) + "; every value follows a flag";
  }
  return "unknown flag " + in_quotes(flag) + "; did you mean " +
         std::string(nearest(flag, kNames)) + "?";
}

using Values = std::array<std::vector<std::string>, kFlags.size()>;

// What is wrong with the values; empty: nothing.
std::string fault_of(const Values& values) {
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    const std::string flag(kFlags[i].name);
    if (values[i].size() > 1 && kFlags[i].parameter != "header") {
      return flag + " is given twice; keep one";
    }
    for (const std::string& value : values[i]) {
      if (value.starts_with("--")) return flag + " has no value: a flag follows it";
      if (value.empty()) return flag + " is empty";
    }
  }
  return values[0].empty() ? "--config is missing; it says where the running proxy is" : "";
}

std::string target_of(const Values& values) {
  std::string target = "/explain";
  char separator = '?';
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    if (kFlags[i].parameter.empty()) continue;
    for (const std::string& value : values[i]) {
      target.push_back(std::exchange(separator, '&'));
      target.append(kFlags[i].parameter).append("=").append(percent_encoded(value));
    }
  }
  return target;
}

// Where to connect in order to reach who listens there.
Address reachable(const Address& bind) {
  if (!std::ranges::all_of(bind.host_bytes(), [](char byte) { return byte == 0; })) return bind;
  return Address::parse_host(bind.is_ipv4() ? "127.0.0.1" : "::1")->with_port(bind.port());
}

std::string text_at(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return "-";
  return found->is_string() ? printable(found->get<std::string>()) : found->dump();
}

bool is_true(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

std::string session_text(const nlohmann::json& answer) {
  std::string text = text_at(answer, "session");
  if (text == "-") return text;
  if (!is_true(answer, "bound")) return text + ", not bound here";
  text += ", bound";
  if (is_true(answer, "provisional")) text += ", provisionally";
  if (is_true(answer, "revived")) text += ", revived";
  return text;
}

std::string refusal_text(const nlohmann::json& refused) {
  return text_at(refused, "status") + " " + text_at(refused, "error") + ": " +
         text_at(refused, "message");
}

std::string list_text(const nlohmann::json& names) {
  std::string text;
  for (const auto& name : names) {
    if (!name.is_string()) continue;
    text.append(text.empty() ? "" : ", ").append(printable(name.get<std::string>()));
  }
  return text.empty() ? "-" : text;
}

}  // namespace

CommandLine parse_explain(std::span<const char* const> arguments) {
  CLI::App parser;
  parser.set_help_flag();
  parser.allow_extras();
  Values values;
  Explain command;
  bool help = false;
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    parser.add_option(std::string(kFlags[i].name), values[i])->allow_extra_args(false);
  }
  parser.add_flag("--json", command.json)->disable_flag_override();
  parser.add_flag("--help,-h", help)->disable_flag_override();
  try {
    parser.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const std::exception& error) {
    return fault(error.what());
  }
  if (const auto rest = parser.remaining(); !rest.empty()) return fault(unknown(rest[0]));
  if (help) return Print{std::string(kHelp), 0};
  if (const std::string what = fault_of(values); !what.empty()) return fault(what);
  command.config_path = values[0][0];
  command.target = target_of(values);
  return command;
}

Print explain(const Explain& command, const Options& options) {
  const std::string& file = command.config_path;
  if (!options.admin.bind) {
    return cannot(file + " has no admin.bind: without an admin listener the proxy cannot be asked");
  }
  if (options.admin.bind->port() == 0) {
    return cannot("admin.bind in " + file + " asks for any free port; name one to ask at");
  }
  const Address server = reachable(*options.admin.bind);
  const auto answer = http_get(server, command.target);
  if (!answer) {
    return cannot("no answer from " + server.text() + ", the admin.bind of " + file + ": " +
                  answer.error().detail + "; is the proxy running?");
  }
  if (answer->status != 200) {
    const auto problem = nlohmann::json::parse(answer->body, nullptr, false);
    const std::string detail = problem.is_object() ? text_at(problem, "detail") : "-";
    return cannot(server.text() + " answers " + std::to_string(answer->status) + ": " + detail);
  }
  if (command.json) return {answer->body, 0};
  const std::string text = explanation_text(answer->body);
  return text.empty() ? cannot("the answer of " + server.text() + " is not one of Ringside")
                      : Print{text, 0};
}

std::string explanation_text(std::string_view json) {
  const auto answer = nlohmann::json::parse(json, nullptr, false);
  if (!answer.is_object() || !answer.contains("why")) return "";
  const std::string row = text_at(answer, "row");
  const bool is_drawn = answer.value("endpoint", nlohmann::json()).is_null();
  std::vector<std::pair<std::string_view, std::string>> lines{
      {"listener", text_at(answer, "listener")},
      {"pool", text_at(answer, "pool")},
      {"client", text_at(answer, "client")},
      {"rule", (row == "-" ? "" : row + ": ") + text_at(answer, "rule")},
      {"picked by", text_at(answer, "picked_by")},
      {"session", session_text(answer)},
      {"owner", text_at(answer, "owner")}};
  const auto refused = answer.find("refused");
  if (refused != answer.end() && refused->is_object()) {
    lines.emplace_back("refused", refusal_text(*refused));
  } else {
    lines.emplace_back("endpoint", is_drawn ? "drawn at random" : text_at(answer, "endpoint"));
    lines.emplace_back("then", list_text(answer.value("then", nlohmann::json::array())));
  }
  lines.emplace_back("why", text_at(answer, "why"));
  std::string text;
  for (const auto& [name, value] : lines) {
    text.append(name).append(11 - name.size(), ' ').append(value).append("\n");
  }
  return text;
}

}  // namespace ringside::app
