# kmcp_add_plugin(NAME SOURCES a.c ... [SCHEMAS x.json ...]) - builds kmcp-NAME.so, the same way in kmcp's own tree and in
# yours after find_package(kmcp). Each schema file FILE.json becomes a string constant FILE_schema in NAME_schema.h.
# SPDX-License-Identifier: Apache-2.0

set(KMCP_PLUGIN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

# Writes OUT with one string constant for each of the SCHEMAS. Minified: white space between tokens goes.
function(kmcp_embed_schemas out)
  set(text "/* Generated from the schema files; do not edit. */\n")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} json)
    string(REGEX REPLACE "\n[ \t]*" "" json "${json}")
    string(REGEX REPLACE "\": +" "\":" json "${json}")
    string(REGEX REPLACE "\", +\"" "\",\"" json "${json}")
    string(REPLACE "\\" "\\\\" json "${json}")
    string(REPLACE "\"" "\\\"" json "${json}")
    string(APPEND text "static const char ${name}_schema[] =\n    \"${json}\";\n")
  endforeach()
  file(CONFIGURE OUTPUT ${out} CONTENT "${text}" @ONLY)
endfunction()

function(kmcp_add_plugin name)
  cmake_parse_arguments(P "" "" "SOURCES;SCHEMAS" ${ARGN})
  set(target kmcp-${name})
  list(TRANSFORM P_SCHEMAS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ REGEX "^[^/]")
  kmcp_embed_schemas(${CMAKE_CURRENT_BINARY_DIR}/${name}_schema.h ${P_SCHEMAS})
  add_library(${target} MODULE ${P_SOURCES})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
  if(TARGET kmcp::sdk)
    target_link_libraries(${target} PRIVATE kmcp::sdk)
  endif()
  if(TARGET kmcp_flags) # in kmcp's own tree
    target_link_libraries(${target} PRIVATE kmcp_flags)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/plugins)
  endif()
  set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so" C_VISIBILITY_PRESET hidden C_STANDARD 11)
  # One export, everything defined at link time, read-only after start.
  if(APPLE)
    target_link_options(${target} PRIVATE "-Wl,-exported_symbols_list,${KMCP_PLUGIN_CMAKE_DIR}/kmcp_plugin.exp")
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${KMCP_PLUGIN_CMAKE_DIR}/kmcp_plugin.exp)
  else()
    target_link_options(${target} PRIVATE "-Wl,--version-script,${KMCP_PLUGIN_CMAKE_DIR}/kmcp_plugin.map"
      -Wl,-z,relro,-z,now)
    if(NOT KMCP_SANITIZE) # the sanitizers' own symbols are defined by the program
      target_link_options(${target} PRIVATE -Wl,-z,defs)
    endif()
  endif()
endfunction()
