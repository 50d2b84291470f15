# What doxygen reads instead of a header: the comment at its top becomes the description of the file, and of the type
# that the header is named for; everything in it joins the group of its room; characters that doxygen would take for
# commands or tags are kept as text. A comment behind "{" belongs to what the line opens. Every line keeps its place,
# but for six that are added above the first declaration (scripts/check_api_comments.py counts on it).
BEGIN {
  name = ARGV[1]
  gsub(/^.*\/(lib|fits|sim)\/isoflop\//, "isoflop/", name)
  sub(/^(lib|fits|sim)\/isoflop\//, "isoflop/", name)
  sub(/^(.*\/)?apps\//, "isoflop/", name)
  room = name
  sub(/\/[^\/]*$/, "", room)
  gsub(/\//, "_", room)
  if (name == "isoflop/c_api.h") room = "isoflop_c"
  stem = name
  sub(/^.*\//, "", stem)
  sub(/\.h$/, "", stem)
  gsub(/_/, "", stem)
  top = 1
  print "/** \\file"
  print " * \\ingroup " room
  print " * \\verbatim"
}
function kept(text) {
  gsub(/\\/, "\\\\\\\\", text)
  gsub(/@/, "\\@", text)
  gsub(/</, "\\<", text)
  gsub(/>/, "\\>", text)
  gsub(/#/, "\\#", text)
  gsub(/\*\//, "* /", text)
  return text
}
top && /^\/\*/ { c_comment = 1; sub(/^\/\* ?/, ""); print; next }
top && c_comment { if (/\*\//) c_comment = 0; else { sub(/^ \* ?/, ""); print } ; next }
top && /^\/\// {
  sub(/^\/\/ ?/, "")
  print
  if (/^($|  )/) said = 1
  if (!said) opening = opening " " $0
  next
}
top {
  print "\\endverbatim */"
  top = 0
}
# Inside the namespace: a group around it would hold the namespace alone.
/^namespace isoflop/ && !opened {
  print
  print "/** \\addtogroup " room
  print " *  @{ */"
  opened = 1
  next
}
/^#ifdef __cplusplus/ && !opened && room == "isoflop_c" {
  print "/** \\addtogroup " room
  print " *  @{ */"
  opened = 1
}
/^}  \/\/ namespace isoflop/ && opened == 1 {
  print "/** @} */"
  opened = 2
}
# The type that the header is named for: what the header opens with is about it.
/^(struct|class) [A-Za-z]+ / && tolower($2) == stem && $0 !~ /\/\/\// && above !~ /^ *\/\// {
  print "/** " kept(opening) " */ " $0
  above = $0
  next
}
{ above = $0 }
/\/\/\// {
  at = index($0, "///")
  code = substr($0, 1, at - 1)
  text = substr($0, at + 3)
  if (substr(text, 1, 1) != "<") print code "///" kept(text)
  else {
    text = kept(substr(text, 2))
    # As a block: a "///" line below would otherwise be read as its continuation.
    if (code ~ /\{ *$/ || code ~ /^ *enum .*\}; *$/) print "/** " text " */ " code
    else print code "/**<" text " */"
  }
  next
}
{ print }
END { if (opened == 1) print "/** @} */" }
