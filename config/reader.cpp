// From bytes to options: read, parse, walk, check.
#include "config/reader.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "config/checks.h"
#include "config/spec.h"
#include "config/tree.h"
#include "config/walk.h"

namespace ringside::config {
namespace {

std::unexpected<std::vector<Fault>> one_fault(const std::string& file, Place place, std::string key,
                                              Complaint complaint) {
  Walk walk(file);
  walk.fault(place, std::move(key), std::move(complaint));
  return std::unexpected(walk.take());
}

Result<std::string, Complaint> read_bytes(const std::string& path) {
  const auto unreadable = [](int code) {
    return complain(std::string("cannot be read: ") + std::strerror(code),
                    "give a file that this user may read");
  };
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return unreadable(errno);
  std::string bytes;
  std::array<char, 4096> part{};
  while (bytes.size() <= kTextBytesMax &&
         (stream.read(part.data(), part.size()) || stream.gcount() > 0)) {
    bytes.append(part.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) return unreadable(errno);
  return bytes;
}

}  // namespace

std::string text(const Fault& fault) {
  return fault.file + ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column) + ": " +
         fault.key + ": " + fault.problem + "; " + fault.remedy;
}

Result<app::Options, std::vector<Fault>> read_file(const std::string& path) {
  auto bytes = read_bytes(path);
  if (!bytes) return one_fault(path, {}, "file", std::move(bytes.error()));
  return read_text(*bytes, path);
}

Result<app::Options, std::vector<Fault>> read_text(std::string_view text, const std::string& name) {
  auto tree = parse_yaml(text);
  if (!tree) return one_fault(name, tree.error().place, "file", std::move(tree.error().complaint));
  app::Options options;
  Walk walk(name);
  const Cursor root{&*tree, ""};
  read_document(walk, root, options);
  check_document(walk, root, options);
  auto faults = walk.take();
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return options;
}

}  // namespace ringside::config
