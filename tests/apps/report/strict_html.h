// A strict reader of the pages this project writes: well-formed XML but for the doctype, scripts and styles kept as
// text. Knows nothing of the writer.
#pragma once
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace isoflop::test {

struct HtmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;  ///< as written, entities kept
  std::string text;                               ///< directly inside, entities kept
  std::size_t parent = 0;                         ///< index; the first element is its own
};

/// Elements in document order. Throws std::runtime_error, naming the place, for anything that is not well-formed.
inline std::vector<HtmlElement> read_strictly(const std::string& html) {
  std::size_t at = 0;
  const auto fail = [&](const std::string& why) {
    throw std::runtime_error("byte " + std::to_string(at) + ": " + why + ": " + html.substr(at, 60));
  };
  const auto check_text = [&](const std::string& text) {
    static const std::set<std::string> entities = {"amp", "lt", "gt", "quot", "#39"};
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < 0x20 && c != '\n' && c != '\t') fail("control character in text");
      if (c != '&') continue;
      const auto end = text.find(';', i);
      if (end == std::string::npos || !entities.count(text.substr(i + 1, end - i - 1)))
        fail("bare ampersand or unknown entity");
    }
  };
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == ':' ||
           c == '_';
  };
  const std::string doctype = "<!DOCTYPE html>\n";
  if (html.rfind(doctype, 0) != 0) fail("no doctype");
  at = doctype.size();
  std::vector<HtmlElement> elements;
  std::vector<std::size_t> open;
  while (at < html.size()) {
    if (html[at] != '<') {
      const auto end = std::min(html.find('<', at), html.size());
      const std::string text = html.substr(at, end - at);
      check_text(text);
      if (open.empty() && text.find_first_not_of(" \n") != std::string::npos) fail("text outside the document");
      if (!open.empty()) elements[open.back()].text += text;
      at = end;
      continue;
    }
    if (html.compare(at, 2, "</") == 0) {
      const auto end = html.find('>', at);
      if (end == std::string::npos) fail("end tag without end");
      const std::string name = html.substr(at + 2, end - at - 2);
      if (open.empty() || elements[open.back()].name != name)
        fail("end tag closes nothing, open is " + (open.empty() ? "nothing" : elements[open.back()].name));
      open.pop_back();
      at = end + 1;
      continue;
    }
    HtmlElement element;
    element.parent = open.empty() ? 0 : open.back();
    if (open.empty() && !elements.empty()) fail("second root");
    ++at;
    while (at < html.size() && is_name(html[at])) element.name += html[at++];
    if (element.name.empty()) fail("no tag name");
    bool closed = false;
    while (true) {
      const bool blank = at < html.size() && std::string(" \n\t").find(html[at]) != std::string::npos;
      while (at < html.size() && std::string(" \n\t").find(html[at]) != std::string::npos) ++at;
      if (at >= html.size()) fail("tag without end");
      if (html[at] == '>') {
        ++at;
        break;
      }
      if (html.compare(at, 2, "/>") == 0) {
        at += 2;
        closed = true;
        break;
      }
      if (!blank) fail("no blank before attribute");
      std::string name;
      while (at < html.size() && is_name(html[at])) name += html[at++];
      while (at < html.size() && html[at] == ' ') ++at;
      if (name.empty() || at >= html.size() || html[at] != '=') fail("attribute without value");
      ++at;
      while (at < html.size() && html[at] == ' ') ++at;
      const char quote = html[at];
      if (quote != '"' && quote != '\'') fail("attribute value without quotes");
      const auto end = html.find(quote, at + 1);
      if (end == std::string::npos) fail("attribute without end");
      const std::string value = html.substr(at + 1, end - at - 1);
      if (value.find('<') != std::string::npos) fail("< in an attribute");
      check_text(value);
      if (!element.attributes.emplace(name, value).second) fail("attribute twice: " + name);
      at = end + 1;
    }
    const std::string name = element.name;
    elements.push_back(std::move(element));
    if (closed) continue;
    if (name == "script" || name == "style") {
      const std::string close = "</" + name + ">";
      const auto end = html.find(close, at);
      if (end == std::string::npos) fail(name + " without end");
      elements.back().text = html.substr(at, end - at);
      at = end + close.size();
      continue;
    }
    open.push_back(elements.size() - 1);
  }
  if (!open.empty()) fail("not closed: " + elements[open.back()].name);
  return elements;
}

}  // namespace isoflop::test
