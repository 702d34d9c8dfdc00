/* fleet_data.h - records in both shapes of the API.  SPDX-License-Identifier: Apache-2.0 */
#ifndef FLEET_DATA_H
#define FLEET_DATA_H

#define ID     "6ce9a0bc-1f73-4e3b-9a10-0a1b2c3d4e5f"
#define ID2    "7ce9a0bc-1f73-4e3b-9a10-0a1b2c3d4e5f"
#define DEVICE "/api/v1/devices/" ID

#define REAL(platform)                                                                                       \
    "{\"device_id\":\"" ID                                                                                   \
    "\",\"device_name\":\"Ana's Mac\",\"serial_number\":\"C02ABC\",\"platform\":\"" platform                 \
    "\",\"os_version\":\"14.4.1\",\"user\":{\"name\":\"Ana\",\"email\":\"ana@x.org\"},\"blueprint_id\":"     \
    "\"b\","                                                                                                 \
    "\"blueprint_name\":\"Sales\",\"last_check_in\":\"2026-11-24T10:00:00.5Z\",\"tags\":[\"vip\"]}"
#define SEED(platform)                                                                                       \
    "{\"device_id\":\"" ID                                                                                   \
    "\",\"device_name\":\"Ana's Mac\",\"serial_number\":\"C02ABC\",\"platform\":\"" platform                 \
    "\",\"os_version\":\"14.4.1\",\"user_name\":\"Ana\",\"user_email\":\"ana@x.org\",\"blueprint_name\":"    \
    "\"Sales\","                                                                                             \
    "\"last_check_in\":\"2026-11-24T10:00:00.5Z\",\"is_supervised\":true}"
#define OTHER                                                                                                \
    "{\"device_id\":\"" ID2                                                                                  \
    "\",\"device_name\":\"Bo\",\"serial_number\":\"C02ABCD\",\"platform\":\"iPad\",\"user\":\"\"}"

#endif
