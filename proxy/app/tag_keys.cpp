// One key a file, one key a variable.
#include "app/tag_keys.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace ringside::app {
namespace {

Result<std::string> contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail("key file " + path + ": " + std::strerror(errno));
  std::string text;
  text.resize(session::kTagKeyMaxBytes + 1);  // one more than may be: too long is seen
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return fail("key file " + path + ": " + std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

Result<session::TagKeys> load_tag_keys(const session::TagOptions& options) {
  session::TagKeys keys;
  for (const std::string& path : options.key_files) {
    const auto text = contents_of(path);
    if (!text) return std::unexpected(text.error());
    if (const auto added = keys.add(*text); !added) {
      return fail("key file " + path + ": " + added.error().detail);
    }
  }
  for (const std::string& name : options.key_env) {
    const char* text = std::getenv(name.c_str());
    if (text == nullptr) return fail("key variable " + name + " is not set");
    if (const auto added = keys.add(text); !added) {
      return fail("key variable " + name + ": " + added.error().detail);
    }
  }
  return keys;
}

}  // namespace ringside::app
