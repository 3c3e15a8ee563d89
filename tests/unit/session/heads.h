// Heads made by hand, for tests of rules that read them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/head.h"

namespace ringside::session {

using NamesAndValues = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Keeps the fields that a head views.
class Fields {
 public:
  Fields(NamesAndValues pairs) {
    for (const auto& [name, value] : pairs) fields_.push_back({name, value, http::field_id(name)});
  }

  http::RequestHead request(http::Method method) const {
    http::RequestHead head;
    head.method = method;
    head.fields = fields_;
    return head;
  }

  http::ResponseHead response(unsigned status) const {
    http::ResponseHead head;
    head.status = status;
    head.fields = fields_;
    return head;
  }

 private:
  std::vector<http::Field> fields_;
};

}  // namespace ringside::session
