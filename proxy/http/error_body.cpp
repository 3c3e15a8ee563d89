// JSON by hand: the parts are constants, and an error must not depend on anything that can fail.
#include "http/error_body.h"

namespace ringside::http {

std::string json_rpc_error(int code, std::string_view message) {
  std::string body = R"({"jsonrpc":"2.0","id":null,"error":{"code":)";
  body += std::to_string(code);
  body += R"(,"message":")";
  body += message;
  body += "\"}}";
  return body;
}

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

}  // namespace ringside::http
