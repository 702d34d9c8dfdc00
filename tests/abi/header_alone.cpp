// header_alone.cpp - plugin.h and helpers.h as C++.  SPDX-License-Identifier: Apache-2.0
#include <kmcp/plugin.h>
#include <kmcp/helpers.h>

unsigned long header_alone_cxx();

unsigned long header_alone_cxx()
{
    return sizeof(struct kmcp_host);
}
